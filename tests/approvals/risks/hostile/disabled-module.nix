{ config, lib, pkgs, ... }:
{
  disabledModules = [ "security/sudo.nix" ];
}
