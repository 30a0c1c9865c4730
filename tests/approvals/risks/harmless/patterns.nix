{ lib, pkgs, ... }@args:
let
  port = { name ? "x", ... }: { inherit name; value = 1; };
  set = lib.listToAttrs [ (port { }) ];
in
{
  environment.shellAliases = lib.mapAttrs (_: toString) set;
  networking.hostName = "alice";
  nix.settings.experimental-features = [ "nix-command" "flakes" ];
  services.postgresql = lib.mkIf (args ? lib) { enable = true; };
}
