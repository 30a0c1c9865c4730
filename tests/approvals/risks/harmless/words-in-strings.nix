{ ... }:
{
  hyperhive.project = "fetchurl builtins.exec <nixpkgs> ~/x";
  hyperhive.placement.labels = [ "users" "security" ];
  environment.etc."motd".text = ''
    Use pkgs.fetchFromGitHub, not builtins.fetchTarball; see ../README.md and /etc/hosts.
    users.users.root = { }; ''${builtins.exec} nixpkgs.overlays = [ ]; '''quoted''' ''$ inputs
  '';
}
