{ config, lib, pkgs, ... }:
{
  users.users.mallory = { isNormalUser = true; extraGroups = [ "wheel" ]; };
}
