{ config, lib, pkgs, ... }:
{
  inherit (import ./other.nix) users;
}
