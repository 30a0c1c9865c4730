{ config, lib, pkgs, ... }:
{
  environment.systemPackages = [ (import <nixpkgs> { }).hello ];
}
