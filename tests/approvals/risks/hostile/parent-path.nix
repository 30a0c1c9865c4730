{ config, lib, pkgs, ... }:
{
  imports = [ ./modules/../../other/agent.nix ];
}
