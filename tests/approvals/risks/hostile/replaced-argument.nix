{ config, lib, pkgs, ... }:
{
  _module.args.pkgs = { };
}
