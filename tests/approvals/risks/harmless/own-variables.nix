{ lib, ... }:
let
  inherit (lib) mkIf optional;
  security = "x";
  users = [ "alice" "bob" ];
  nixpkgs = 1;
in
{
  hyperhive = {
    project = security;
    placement.labels = users ++ optional (nixpkgs == 1) "y";
    environment = { BOOT = "x"; networking = "1"; security = "z"; };
  };
}
