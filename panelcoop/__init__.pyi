from .errors import DataError as DataError
from .errors import DownloadError as DownloadError
from .errors import IdentificationError as IdentificationError
from .errors import PanelcoopError as PanelcoopError
from .errors import PanelcoopWarning as PanelcoopWarning
from .errors import PlanError as PlanError
from .panel.record import Ledger as Ledger
from .panel.record import Panel as Panel
from .panel.record import SpatialWeights as SpatialWeights
from .panel.record import panel_from_frame as panel_from_frame
from .results import Contrast as Contrast
from .results import Estimate as Estimate
from .results import WaldTest as WaldTest

__version__: str
