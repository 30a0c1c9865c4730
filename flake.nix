{
  description = "hyperhive: a swarm of long-lived coding agents on machines you own";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.11";

  outputs =
    { nixpkgs, ... }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forEach = build: nixpkgs.lib.genAttrs systems (system: build nixpkgs.legacyPackages.${system});
    in
    {
      # Everything that `make run` and `make test` look for on the machine.
      devShells = forEach (pkgs: {
        default = pkgs.mkShell {
          packages = with pkgs; [
            bubblewrap
            git
            gnumake
            nix
            nodejs
            passt
            python3
          ];
        };
      });
    };
}
