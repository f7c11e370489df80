// What every dialog does when it is shown: nothing beside it can be reached, and Escape closes it. For `{@attach modal}`.

export function modal(dialog: HTMLDialogElement): void {
  dialog.showModal();
}
