{ ... }:
let
  b = builtins;
in
{
  hyperhive.project = b.exec [ "id" ];
}
