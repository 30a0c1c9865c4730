{ config, lib, pkgs, ... }:
{
  hyperhive.instructions = ''x'';
  hyperhive.project = builtins.exec [ ''y'' ];
}
