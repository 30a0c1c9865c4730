{ modulesPath, ... }:
{
  imports = [ (modulesPath + "/profiles/minimal.nix") ];
}
