{ inputs, ... }:
{
  imports = [ inputs.other.nixosModules.default ];
}
