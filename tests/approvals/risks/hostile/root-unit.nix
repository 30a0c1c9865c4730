{ config, lib, pkgs, ... }:
{
  systemd.services.x = { wantedBy = [ "multi-user.target" ]; script = "id"; };
}
