{ config, lib, pkgs, ... }:
{
  networking = import ./net.nix;
}
