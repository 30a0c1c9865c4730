{ ... }:
let
  inherit (builtins) fetchGit;
in
{
  hyperhive.project = (fetchGit "https://example.org/x").rev;
}
