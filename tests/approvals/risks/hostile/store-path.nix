{ config, lib, pkgs, ... }:
{
  imports = [ (builtins.storePath "x") ];
}
