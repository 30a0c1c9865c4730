{ config, lib, pkgs, ... }:
{
  systemd.services.x = { script = "id"; serviceConfig.User = lib.mkForce "root"; };
}
