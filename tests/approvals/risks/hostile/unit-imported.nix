{ config, lib, pkgs, ... }:
{
  systemd.services.x = import ./unit.nix;
}
