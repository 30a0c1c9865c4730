{ config, lib, pkgs, ... }:
{
  boot.kernelModules = [ "nf_tables" ];
}
