{ config, lib, pkgs, ... }:
{
  hyperhive.instructions = builtins.readFile (builtins."fetch\url" "https://example.org/x");
}
