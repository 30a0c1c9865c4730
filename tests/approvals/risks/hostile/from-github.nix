{ config, lib, pkgs, ... }:
{
  environment.systemPackages = [ (pkgs.callPackage (pkgs.fetchFromGitHub { owner = "o"; repo = "r"; rev = "v"; hash = ""; }) { }) ];
}
