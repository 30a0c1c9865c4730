{ pkgs, ... }:
let
  made = pkgs.writeText "x" "{ }";
in
{
  imports = [ (import made) ];
}
