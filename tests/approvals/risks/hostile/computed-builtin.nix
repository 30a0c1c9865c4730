{ config, lib, pkgs, ... }:
{
  hyperhive.project = builtins.${"ex" + "ec"} [ "id" ];
}
