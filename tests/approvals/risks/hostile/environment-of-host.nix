{ config, lib, pkgs, ... }:
{
  hyperhive.project = builtins.getEnv "HOME";
}
