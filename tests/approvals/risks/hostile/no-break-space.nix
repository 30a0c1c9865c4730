{ config, lib, pkgs, ... }:
{
  hyperhive.instructions = "rm -rf";
}
