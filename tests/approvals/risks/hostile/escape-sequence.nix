{ config, lib, pkgs, ... }:
{
  hyperhive.instructions = "[8m hidden";
}
