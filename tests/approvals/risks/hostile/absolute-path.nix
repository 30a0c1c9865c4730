{ config, lib, pkgs, ... }:
{
  imports = [ /etc/nixos/extra.nix ];
}
