{ lib, ... }:
{
  hyperhive.turnTimeout = lib.min 3600 (7200 / 2);
  hyperhive.project = lib.optionalString (1 < 2 && 3 > 2) "https://example.org/a/../b";
}
