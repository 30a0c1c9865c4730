{ config, lib, pkgs, ... }:
{
  environment.systemPackages = [
    (pkgs.runCommand "x" { outputHash = "sha256-AAAA"; outputHashMode = "recursive"; } "true")
  ];
}
