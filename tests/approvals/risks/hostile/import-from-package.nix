{ config, lib, pkgs, ... }:
{
  hyperhive.instructions = builtins.readFile "${pkgs.hello}/share/doc";
}
