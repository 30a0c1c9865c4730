{ pkgs, ... }:
{
  systemd.services.notes = {
    wantedBy = [ "multi-user.target" ];
    serviceConfig = { ExecStart = "${pkgs.hello}/bin/hello"; User = "alice"; };
  };
  systemd.services.other = {
    script = "true";
    serviceConfig.DynamicUser = true;
  };
  systemd.services.small.enable = false;
  systemd.user.services.mine.script = "true";
}
