{ config, lib, pkgs, ... }:
{
  environment.variables.LD_PRELOAD = "/shared/x.so";
}
