/** The dialog that is open, if any. */
import { dialog } from "../../state/dialogs";
import { CopyDialog } from "./copy";
import { Help } from "./help";
import { Palette } from "./palette";
import { ColumnsDialog, CommentDialog, ConfirmDialog, HighlightDialog, InjectDialog, InterceptDialog, SaveFilterDialog, SettingsDialog } from "./small";

export function DialogLayer() {
  const open = dialog.value;
  if (!open) return null;
  switch (open.kind) {
    case "palette": return <Palette start={open.text} />;
    case "help": return <Help />;
    case "columns": return <ColumnsDialog />;
    case "copy": return <CopyDialog toFile={false} />;
    case "export": return <CopyDialog toFile />;
    case "comment": return <CommentDialog />;
    case "intercept": return <InterceptDialog />;
    case "highlight": return <HighlightDialog />;
    case "save-filter": return <SaveFilterDialog />;
    case "inject": return <InjectDialog />;
    case "settings": return <SettingsDialog />;
    case "confirm": return <ConfirmDialog {...open} />;
    default: return null;
  }
}
