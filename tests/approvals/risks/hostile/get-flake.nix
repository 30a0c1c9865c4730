{ config, lib, pkgs, ... }:
{
  imports = [ (builtins.getFlake "github:example/x").nixosModules.default ];
}
