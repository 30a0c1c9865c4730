{ config, lib, pkgs, ... }:
{
  config = lib.setAttrByPath [ "users" "users" "mallory" "uid" ] 0;
}
