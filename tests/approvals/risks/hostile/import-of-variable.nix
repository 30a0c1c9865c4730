{ pkgs, ... }:
let
  made = pkgs.hello.src;
in
{
  hyperhive.instructions = builtins.readFile made;
}
