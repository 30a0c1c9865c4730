{ config, lib, pkgs, ... }:
{
  networking = { hostName = "x"; firewall = { allowedTCPPorts = [ 22 ]; }; };
}
