{ config, lib, pkgs, ... }:
{
  environment.systemPackages = [ (pkgs.runCommand "x" { __noChroot = true; } "true") ];
}
