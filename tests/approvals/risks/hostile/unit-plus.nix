{ config, lib, pkgs, ... }:
{
  systemd.services.x.serviceConfig = { User = "alice"; ExecStart = "+${pkgs.hello}/bin/hello"; };
}
