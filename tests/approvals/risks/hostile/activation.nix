{ config, lib, pkgs, ... }:
{
  system.activationScripts.x = "id";
}
