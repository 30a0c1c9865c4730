{ config, lib, pkgs, ... }:
{
  hyperhive.instructions = builtins.readFile "/etc/passwd";
}
