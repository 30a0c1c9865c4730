{ lib, ... }:
{
  hyperhive.placement.labels = builtins.map (n: "x${builtins.toString n}") (builtins.genList (n: n) 3);
  hyperhive.project = with builtins; concatStringsSep "-" (filter isString (split "," "a,b"));
  hyperhive.model = if builtins ? hashString then builtins.hashString "sha256" "x" else null;
}
