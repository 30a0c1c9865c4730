{ config, lib, pkgs, ... }:
{
  "users"."users".mallory.uid = 0;
}
