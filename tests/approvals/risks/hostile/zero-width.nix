{ config, lib, pkgs, ... }:
{
  hyperhive.instructions = "man​ager";
}
