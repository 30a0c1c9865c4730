{ config, lib, pkgs, ... }:
{
  nixpkgs.overlays = [ (final: prev: { git = prev.hello; }) ];
}
