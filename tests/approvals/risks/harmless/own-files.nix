{ lib, ... }:
{
  imports = [ ./modules/tools.nix ./other ];
  hyperhive.placement.labels = lib.splitString "\n" (builtins.readFile ./labels.txt);
}
