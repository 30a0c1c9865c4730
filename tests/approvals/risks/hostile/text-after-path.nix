{ config, lib, pkgs, ... }:
{
  hyperhive.instructions = builtins.readFile (./. + "/../../alice/agent.nix");
}
