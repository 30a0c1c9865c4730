{ config, lib, pkgs, ... }:
{
  systemd.services.x.serviceConfig = { User = "root"; ExecStart = "${pkgs.hello}/bin/hello"; };
}
