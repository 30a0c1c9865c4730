{ ... }:
let
  there = "/../../alice";
in
{
  imports = [ (./. + there) ];
}
