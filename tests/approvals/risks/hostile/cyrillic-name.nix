{ config, lib, pkgs, ... }:
{
  hyperhive.environment."PаTH_LIKE" = "x";
}
